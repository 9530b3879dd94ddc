"""Taking over into the log what was stored before there was one."""
