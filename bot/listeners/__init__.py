"""The way in: each listener parses, authorises, makes one short transaction, acknowledges, and hands the rest over."""
