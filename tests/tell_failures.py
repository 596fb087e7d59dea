"""A plugin of pytest for scripts/check_cuda.py: tells each failure at once, as a run may be cut off."""

import pytest


@pytest.hookimpl(trylast=True)  # pytest's own terminal comes before
def pytest_configure(config: pytest.Config) -> None:
    """Where there is somebody to tell: not in the processes that pytest-xdist starts."""
    terminal = config.pluginmanager.get_plugin("terminalreporter")
    if terminal is not None:
        config.pluginmanager.register(Teller(terminal))


class Teller:
    """Writes what pytest writes of a failure, when it happens."""

    def __init__(self, terminal: pytest.TerminalReporter) -> None:
        self._terminal = terminal

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Called for each phase of each test."""
        if report.failed:
            self._terminal.write_line(f"\n{report.nodeid} {report.when}: {report.longreprtext}")
