"""A gym for others: microgrids that are driven from outside, as a PettingZoo `ParallelEnv`.

Every agent is a microgrid that learns how to run its storage, and what to ask and bid; everything
around it is the simulator as it is: the other microgrids, the market, the AC power flow, the
ledger. `MultiMicrogridEnv` says what is observed, done and rewarded. It takes the extra `gym`:
``pip install 'mmgsim[gym]'``.
"""

from mmgsim.errors import GymError
from mmgsim.gym.env import MultiMicrogridEnv, parallel_env
from mmgsim.gym.fields import Field

__all__ = ["Field", "GymError", "MultiMicrogridEnv", "parallel_env"]
