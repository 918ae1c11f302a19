"""The commands of `conicflow`, one file for those of one idea. They read arguments and print: what they do is elsewhere."""
