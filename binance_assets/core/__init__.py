"""Third normal form: each fact once, with stable ids."""
