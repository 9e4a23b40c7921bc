"""The code that is checked: files, modules, the names in them, and what an import means. Nothing of it is executed."""
