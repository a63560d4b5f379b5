"""``python -m mmgsim`` is the command line."""

from mmgsim.cli import main

if __name__ == "__main__":
    main()
