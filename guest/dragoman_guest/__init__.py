"""The code on the inside of every sandbox, whatever builds its walls."""
