"""The templates of all that is HTML: what is put into them is text, whatever it holds."""

from jinja2 import Environment, PackageLoader, StrictUndefined, Template


def template(name: str) -> Template:
    """Return the template of a file in page/."""
    environment = Environment(
        loader=PackageLoader("lrbench.show", "page"),
        autoescape=True,  # a label is text, whatever it holds
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(name)
