"""lrbench: which learning-rate schedule should I use, and is the difference real or noise?"""

__version__ = "0.1.0"
