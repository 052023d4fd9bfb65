"""This file is for mending what was broken on purpose: undo registered before the deed, journalled, run whatever happens."""


class Journal:
    pass
