"""Writing readings as beliefs, and what is known of the newest ones."""
