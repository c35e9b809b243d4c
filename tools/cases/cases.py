"""All case studies, in the order in which they are played."""

from tools.cases.balancer import BALANCER
from tools.cases.dns import DNS
from tools.cases.firewall import FIREWALL
from tools.cases.mail_gateway import GATEWAYS
from tools.cases.mysql import MYSQL
from tools.cases.neighbours import NEIGHBOURS
from tools.cases.ocf import OCF
from tools.cases.postgresql import POSTGRESQL
from tools.cases.systemd import SYSTEMD
from tools.cases.two_databases import TWO_DATABASES
from tools.cases.web import WEB

CASES = (WEB, BALANCER, DNS, GATEWAYS, FIREWALL, NEIGHBOURS, SYSTEMD, OCF, TWO_DATABASES, POSTGRESQL, MYSQL)
