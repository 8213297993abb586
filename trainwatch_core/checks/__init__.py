"""Rules. One file each, pure, strangers to each other."""
