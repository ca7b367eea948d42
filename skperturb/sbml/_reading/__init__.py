"""A text, a file or an archive becomes a document, and the document a description of what it declares."""
