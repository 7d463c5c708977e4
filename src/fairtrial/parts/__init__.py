"""Everything that is added by name: one entry, one place touched; the contract tests find it by themselves."""
