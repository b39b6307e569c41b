"""``python -m cli_py`` is oobctl."""

from cli_py.main import main

main()
