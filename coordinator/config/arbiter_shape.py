"""The shape of [arbiter]: the etcd cluster that says who owns what has `partition = "arbiter"`."""

from pydantic import Field

from coordinator.config.shape_types import Shape


class ArbiterShape(Shape):
    endpoints: list[str] = Field(
        description="The members of one etcd cluster, for their clients.", examples=[["https://10.0.0.5:2379"]]
    )
    ca: str | None = Field(None, description="Who has signed their certificates; the machine's own.", examples=["etcd-ca.pem"])
    user: str | None = Field(None, description="The user that etcd knows us by.", examples=["failover"])
    password_file: str | None = Field(None, description="The file with its password, mode 0600.", examples=["etcd.pw"])
    prefix: str | None = Field(None, description="What all keys begin with.", examples=["/failover/demo"])
