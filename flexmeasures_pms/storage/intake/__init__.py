"""What came in: requests that wait, samples in quarantine, receipts."""
