"""The HTTP API: ``/pms/api/v1``, and one alias for gateways in the field."""
