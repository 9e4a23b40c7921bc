"""Binds its modules by absolute imports."""

import named.third as third
from named import watch
from named import other as renamed
