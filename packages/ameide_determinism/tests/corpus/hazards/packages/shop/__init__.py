from .util import stamp as public_stamp
