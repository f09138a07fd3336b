"""Entity capabilities: the server's own, told in its stream features (XEP-0115 1.6.0).

The verification string is made in ``wire/xmpp/caps.py`` from what service
discovery tells, so it changes exactly when that changes; ``disco.py`` answers
for its node. Of clients' own capabilities the presence that holds them goes on
as it is; caps optimization (section 8.4) is optional and not done.
"""

from clarion.wire.xmpp.caps import NS
from clarion.xmpp.extension import Card, Extension

capabilities = Extension(
    Card(
        name="capabilities",
        spec="XEP-0115",
        title="Entity Capabilities",
        version="1.6.0",
        test="tests/xmpp/test_capabilities.py",
        features=(NS,),
        needs=("disco",),
    )
)
