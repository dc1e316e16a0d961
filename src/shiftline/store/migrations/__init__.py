"""Alembic revisions, carried in the wheel and applied by `shiftline.store.database.migrate`."""
