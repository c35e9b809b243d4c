"""The decisions (`core`), what they are configured by (`policy`, `config`), and the daemon around them (`daemon`)."""
