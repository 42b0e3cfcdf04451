"""The kinds of objects a peering is made of, and the marks by which Liqo finds them."""

from services.act.core.objects import Kind

TENANT_NAMESPACE = "liqo.io/tenant-namespace"
GATEWAY_RESOURCE = "networking.liqo.io/gateway-resource"
"""Label without which Liqo does not find the key of a gateway."""
REPLICATED = "liqo.io/replicated"
"""Label of what Liqo copied from the other cluster: that is the other direction."""

_AUTHENTICATION, _NETWORKING = "authentication.liqo.io", "networking.liqo.io"
_BETA = "v1beta1"

TENANT = Kind(group=_AUTHENTICATION, version=_BETA, name="Tenant", plural="tenants")
IDENTITY = Kind(group=_AUTHENTICATION, version=_BETA, name="Identity", plural="identities")
RESOURCE_SLICE = Kind(
    group=_AUTHENTICATION, version=_BETA, name="ResourceSlice", plural="resourceslices"
)
CONFIGURATION = Kind(
    group=_NETWORKING, version=_BETA, name="Configuration", plural="configurations"
)
CONNECTION = Kind(group=_NETWORKING, version=_BETA, name="Connection", plural="connections")
GATEWAY_SERVER = Kind(
    group=_NETWORKING, version=_BETA, name="GatewayServer", plural="gatewayservers"
)
GATEWAY_CLIENT = Kind(
    group=_NETWORKING, version=_BETA, name="GatewayClient", plural="gatewayclients"
)
PUBLIC_KEY = Kind(group=_NETWORKING, version=_BETA, name="PublicKey", plural="publickeies")
NETWORK = Kind(group="ipam.liqo.io", version="v1alpha1", name="Network", plural="networks")
VIRTUAL_NODE = Kind(
    group="offloading.liqo.io", version=_BETA, name="VirtualNode", plural="virtualnodes"
)
SERVICE_ACCOUNT = Kind(name="ServiceAccount", plural="serviceaccounts")
ROLE_BINDING = Kind(group="rbac.authorization.k8s.io", name="RoleBinding", plural="rolebindings")
VOLUME_CLAIM = Kind(name="PersistentVolumeClaim", plural="persistentvolumeclaims")
