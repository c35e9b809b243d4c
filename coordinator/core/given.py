"""What `decide` is given besides the feeds. It stands in event bodies: `protocol.events.given` has its shape."""

from protocol.events.given import Given as Given
from protocol.events.given import PeerGiven as PeerGiven
