"""``python -m tools.kernels``: everything that the kernel tests need is in the cache, or a sentence why not.

``--refresh``: forget the kernels and the root that are in the cache and take the archive's newest.
``--boot 5.10 PYTEST-ARGUMENT…``: boot one kernel, run these tests in it, print its console.
"""

from __future__ import annotations

import shutil
import sys

from common_py.errors import UserError
from common_py.program import Parser
from tools.kernels import catalogue, kernel, machine, root


def main() -> int:
    """Fetch what is missing; the exit code."""
    parser = Parser(prog="python -m tools.kernels", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--refresh", action="store_true", help="take the archive's newest kernels and packages")
    parser.add_argument("--boot", metavar="SERIES", choices=[one.series for one in catalogue.KERNELS])
    options, arguments = parser.parse_known_args()
    if arguments and not options.boot:
        parser.error(f"without --boot nothing is done with: {' '.join(arguments)}")
    cache = catalogue.cache()
    if options.refresh:
        for old in [*cache.glob("kernel-*"), *cache.glob("root-*")]:
            shutil.rmtree(old)
    try:
        for one in catalogue.KERNELS:
            print(f"Linux {one.series}: Debian's {kernel.fetch(one, cache).version}", flush=True)
        made = root.make(cache)
        print(f"The guests' root: {made.image}", flush=True)
        if options.boot:
            (chosen,) = (one for one in catalogue.KERNELS if one.series == options.boot)
            print(machine.run(kernel.fetch(chosen, cache), made, arguments).console)
    except UserError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
