"""What can go wrong in an export."""


class ExportError(ValueError):
    """A model cannot be exported as asked, or an exported file cannot be used."""
