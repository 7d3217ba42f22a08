"""How results are shown: words, tables, pictures, the page."""
