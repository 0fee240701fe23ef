"""The toolkit's own files, of any record."""

from aefpga.data.formats.format import Format
from aefpga.schema import Schema


class Own(Format):
    """A tree named after the record, one branch a variable."""

    name, tree, default_collection = "aefpga", "jets", "jets"

    def sources(self) -> dict[str, tuple[str, ...]]:
        """Return for each variable the format could give the branches that it needs."""
        return {name: (name,) for name in self.schema.names}

    @classmethod
    def of(cls, schema: Schema) -> type[Format]:
        """Return the format of files that hold this record."""
        names = {"schema": schema, "tree": schema.name, "default_collection": schema.name}
        return type(cls.__name__, (cls,), names)
