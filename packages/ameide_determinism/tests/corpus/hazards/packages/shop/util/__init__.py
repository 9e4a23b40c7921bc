from .clocks import *
from .clocks import stamp
