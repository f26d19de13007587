"""The build backend: setuptools', whose editable installs type checkers can follow too.

The root of this repository is the package `potentia`, whatever its folder is called. In an editable
install setuptools tells Python so by code that runs when Python starts. Type checkers run no code:
they look for a folder `potentia` in the folders that `.pth` files name. So `build_editable` makes
such a folder, with a link to the root, and names it in a `.pth` file of its own. A first line there
has Python pass the folder by, so each module is still imported once, from the path it really has.
"""

import base64
import csv
import hashlib
import io
import locale
import sys
import warnings
import zipfile
from pathlib import Path

from setuptools import build_meta
from setuptools.build_meta import *  # noqa: F403 (the other hooks of PEP 517 and 660 are setuptools')

ROOT = Path(__file__).resolve().parents[1]
LINKED = ROOT / ".editable" / "linked"  # the folder for type checkers
PATH_FILE = "_potentia_types.pth"


def build_editable(wheel_directory, config_settings=None, metadata_directory=None):
    """Hook of PEP 660: write the wheel of an editable install; return its name."""
    name = build_meta.build_editable(wheel_directory, config_settings, metadata_directory)
    try:
        content = path_file(LINKED)
        link(LINKED)
    except (OSError, UnicodeError) as error:  # no links or no writing here, or a path unsayable
        warnings.warn(f"type checkers will not find potentia: {error}", stacklevel=2)
    else:
        add(Path(wheel_directory, name), PATH_FILE, content)
    return name


def link(folder):
    """Make `folder` with a link `potentia` to the root in it."""
    folder.mkdir(parents=True, exist_ok=True)
    place = folder / "potentia"
    if not (place.is_symlink() and place.resolve() == ROOT):
        place.unlink(missing_ok=True)
        place.symlink_to(ROOT, target_is_directory=True)


def path_file(folder):
    """The `.pth` file that names `folder` to type checkers, and has Python find nothing in it."""
    nothing = "types.SimpleNamespace(find_spec=lambda *_: None)"
    first = f"import sys, types; sys.path_importer_cache[{str(folder)!a}] = {nothing}"
    encoding = "utf-8" if sys.version_info >= (3, 13) else locale.getencoding()
    return f"{first}\n{folder}\n".encode(encoding)


def add(wheel, name, content):
    """Add a file to a wheel, and to its list of files."""
    digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
    row = io.StringIO()
    csv.writer(row, lineterminator="\n").writerow((name, f"sha256={digest}", len(content)))
    with zipfile.ZipFile(wheel) as old:
        files = [(info, old.read(info)) for info in old.infolist()]
    with zipfile.ZipFile(wheel, "w", zipfile.ZIP_DEFLATED) as new:
        new.writestr(name, content)
        for info, data in files:
            lists = info.filename.endswith(".dist-info/RECORD")
            new.writestr(info, row.getvalue().encode() + data if lists else data)
