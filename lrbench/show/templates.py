"""The templates of all that is HTML: what is put into them is text, whatever it holds."""

import re

from jinja2 import Environment, PackageLoader, StrictUndefined, Template
from markupsafe import Markup


def template(name: str) -> Template:
    """Return the template of a file in page/."""
    environment = Environment(
        loader=PackageLoader("lrbench.show", "page"),
        autoescape=True,  # a label is text, whatever it holds
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["breakable"] = breakable
    return environment.get_template(name)


def breakable(label: str) -> Markup:
    """Return a label with places at which a line may end: after ( , ; and =."""
    return Markup("<wbr>").join(re.findall(r"[^(,;=]*[(,;=]+|[^(,;=]+", label))
