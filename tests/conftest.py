"""What tests of several folders share."""

import pytest

from mmgsim import cli


@pytest.fixture
def mmgsim(monkeypatch, tmp_path, capsys):
    """Call the command line in an empty folder; gives exit code, output and messages."""
    monkeypatch.chdir(tmp_path)

    def call(*arguments):
        monkeypatch.setattr("sys.argv", ["mmgsim", *map(str, arguments)])
        with pytest.raises(SystemExit) as caught:
            cli.main()
        printed = capsys.readouterr()
        return caught.value.code or 0, printed.out, printed.err

    return call
