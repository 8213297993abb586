"""Other machines, by SSH: the only room that knows paramiko."""

from trainwatch_core.adapters.ssh.room import SshRoom

__all__ = ["SshRoom"]
