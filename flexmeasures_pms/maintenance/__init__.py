"""What has to be done now and then, and never by a request: ``flexmeasures pms maintain``."""
