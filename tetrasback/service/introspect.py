"""Introspection data, out of the tables of a contract.

Format: https://dbus.freedesktop.org/doc/dbus-specification.html#introspection-format
"""

import xml.etree.ElementTree as ET
from collections.abc import Iterable
from typing import Final

from tetrasback import names
from tetrasback.service.contract import Arguments, Contract

_DOCTYPE: Final = (
    '<!DOCTYPE node PUBLIC "-//freedesktop//DTD D-BUS Object Introspection 1.0//EN"\n'
    ' "http://www.freedesktop.org/standards/dbus/1.0/introspect.dtd">\n'
)

_EMITS_CHANGED: Final = "org.freedesktop.DBus.Property.EmitsChangedSignal"

Member = tuple[str, Arguments, Arguments]
"""Name, arguments, results."""

STANDARD_METHODS: Final[dict[str, tuple[Member, ...]]] = {
    names.PEER_INTERFACE: (
        ("Ping", (), ()),
        ("GetMachineId", (), (("s", "machine_uuid"),)),
    ),
    names.INTROSPECTABLE_INTERFACE: (("Introspect", (), (("s", "xml_data"),)),),
    names.PROPERTIES_INTERFACE: (
        ("Get", (("s", "interface_name"), ("s", "property_name")), (("v", "value"),)),
        ("GetAll", (("s", "interface_name"),), (("a{sv}", "properties"),)),
        ("Set", (("s", "interface_name"), ("s", "property_name"), ("v", "value")), ()),
    ),
    names.OBJECT_MANAGER_INTERFACE: (("GetManagedObjects", (), (("a{oa{sa{sv}}}", "objects"),)),),
}
"""What every D-Bus object is expected to answer; the object manager on the root object only."""

_STANDARD_SIGNALS: Final[dict[str, tuple[tuple[str, Arguments], ...]]] = {
    names.PROPERTIES_INTERFACE: (
        (
            "PropertiesChanged",
            (
                ("s", "interface_name"),
                ("a{sv}", "changed_properties"),
                ("as", "invalidated_properties"),
            ),
        ),
    ),
    names.OBJECT_MANAGER_INTERFACE: (
        ("InterfacesAdded", (("o", "object"), ("a{sa{sv}}", "interfaces"))),
        ("InterfacesRemoved", (("o", "object"), ("as", "interfaces"))),
    ),
}


class Introspection:
    """Describes what CONTRACT offers."""

    def __init__(self, contract: Contract) -> None:
        self._contract = contract
        self._texts: dict[str, str] = {}

    def document(self, interfaces: Iterable[str], children: Iterable[str]) -> str:
        """The answer to Introspect: INTERFACES by name, CHILDREN by the last element of their
        path."""
        parts = [_DOCTYPE, "<node>\n", *(self._interface(name) for name in interfaces)]
        # An element of a path holds nothing that XML would take for its own.
        parts += [f'  <node name="{child}"/>\n' for child in children]
        return "".join([*parts, "</node>\n"])

    def _interface(self, name: str) -> str:
        if name not in self._texts:
            self._texts[name] = self._describe(name)
        return self._texts[name]

    def _describe(self, name: str) -> str:
        root = ET.Element("interface", name=name)
        for member, arguments, results in self._methods(name):
            method = ET.SubElement(root, "method", name=member)
            _arguments(method, arguments, "in")
            _arguments(method, results, "out")
        for member, arguments in self._signals(name):
            _arguments(ET.SubElement(root, "signal", name=member), arguments, None)
        for member, signature in self._contract.properties.get(name, {}).items():
            element = ET.SubElement(root, "property", name=member, type=signature, access="read")
            if (name, member) in self._contract.constant:
                ET.SubElement(element, "annotation", name=_EMITS_CHANGED, value="const")
        ET.indent(root, "  ", level=1)
        return f"  {ET.tostring(root, encoding='unicode')}\n"

    def _methods(self, interface: str) -> Iterable[Member]:
        if interface != self._contract.interface:
            return STANDARD_METHODS.get(interface, ())
        return [
            (method.name, method.arguments, (method.result,) if method.result else ())
            for method in self._contract.methods.values()
        ]

    def _signals(self, interface: str) -> Iterable[tuple[str, Arguments]]:
        if interface != self._contract.interface:
            return _STANDARD_SIGNALS.get(interface, ())
        return self._contract.signals.items()


def _arguments(parent: ET.Element, arguments: Arguments, direction: str | None) -> None:
    for signature, name in arguments:
        element = ET.SubElement(parent, "arg", name=name, type=signature)
        if direction:
            element.set("direction", direction)
