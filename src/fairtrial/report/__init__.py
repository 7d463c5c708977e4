"""What people look at: plain data made from records (`views`), and what draws them; nothing here trains."""
