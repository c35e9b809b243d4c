"""What `decide` is given besides the feeds. It stands in event bodies: `protocol.events.given` has its shape."""

from protocol.events.given import Observations as Observations
from protocol.events.given import PeerObservations as PeerObservations
