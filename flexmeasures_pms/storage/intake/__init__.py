"""Tables of incoming data: waiting requests, samples in quarantine, receipts."""
