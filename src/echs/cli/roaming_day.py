"""The roaming day that the demo plays: what partners do, through zeep, as their own back ends would."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import requests
import zeep
from rich.panel import Panel
from rich.text import Text

from echs.base.clock import system_clock
from echs.cli.output import console
from echs.cli.tables import wrap

# A CDR and a charge point as a real back end sent them in 2014.
FIELD_CDR = {
    "cdrId": "01001851_139038927377890",
    "startDatetime": "2014-01-22 10:16:38",
    "endDatetime": "2014-01-22 12:14:33",
    "duration": "7074",
    "volume": "4.6400",
    "chargePointAddress": "Roggestraat 111-163",
    "chargePointZip": "7311",
    "chargePointCity": "Apeldoorn",
    "chargePointCountry": "NLD",
    "chargePointType": "2",
    "productType": "0",
    "tariffType": "A0",
    "authenticationId": "",
    "evcoId": "NL-ANW-133094-6",
    "meterId": "01000851",
    "obisCode": "",
    "chargePointId": "01000851",
    "serviceProviderId": "ANWB",
    "infraProviderId": "TheNewMotion",
    "evseId": "01000851",
}
FIELD_CHARGE_POINT = {
    "evseId": "02000001",
    "locationName": "The New Motion Office",
    "locationNameLang": "en",
    "houseNumber": "452",
    "streetName": "Keizersgracht",
    "city": "Amsterdam",
    "postalCode": "1016 GD",
    "taLat": "52.0",
    "taLon": "5.0",
    "powerOutletStatus": "in use",
    "energyProviderId": "GreenChoice",
    "roamingHubId": "The New Motion",
    "floorLevel": "0",
    "evChargingReceptacleType": "Mennekes Type II",
}
COLOGNE_CHARGE_POINT = {
    **FIELD_CHARGE_POINT,
    "evseId": "DE*LND*E4711*1",
    "locationName": "Dom/Hbf",
    "locationNameLang": "deu",
    "houseNumber": "1",
    "streetName": "Trankgasse",
    "city": "Köln",
    "postalCode": "50667",
    "energyProviderId": "RheinEnergie",
    "roamingHubId": "ladenetz.de",
}


# Columns before what is told: two blanks, the sign, and the partner.
MARGIN = 13
# How the contracts of a provider begin.
PREFIXES = {"TheNewMotion": "NL-TNM", "ANWB": "NL-ANW", "ladenetz.de": "DE-LND"}


def tokens(prefix: str, hub: int, count: int) -> list[dict[str, object]]:
    """Some drivers' cards."""
    return [
        {
            "evcoId": f"{prefix}-{number:06d}",
            "roamingHubId": hub,
            "tokenType": 1,
            "tokenId": f"{hub:02X}{number:06X}",
            "printedNumber": f"{prefix} {number:06d}",
            "expiryDate": "31/12/2027",
            "pin": "",
            "pinMandatory": 0,
            "tokenActivated": 1,
            "hash": "",
        }
        for number in range(1, count + 1)
    ]


def cologne_cdr(number: int, provider: str, **other: str) -> dict[str, str]:
    """A session of yesterday in Köln, for a provider's customer."""
    day = (system_clock() - timedelta(days=1)).date()
    return {
        **FIELD_CDR,
        "cdrId": f"LND-{number:04d}",
        "startDatetime": f"{day}T{8 + number:02d}:05:00+01:00",
        "endDatetime": f"{day}T{8 + number:02d}:50:30+01:00",
        "duration": "0:45:30",
        "volume": f"{number},2500",
        "chargePointAddress": "Trankgasse 1",
        "chargePointZip": "50667",
        "chargePointCity": "Köln",
        "chargePointCountry": "DEU",
        "evcoId": f"{PREFIXES.get(provider, 'XX-NEW')}-{number:06d}",
        "serviceProviderId": provider,
        "infraProviderId": "ladenetz.de",
        "chargePointId": "DE*LND*E4711*1",
        "evseId": "DE*LND*E4711*1",
        **other,
    }


class Partner:
    """A company's back end: logs in once and sends its token with every call."""

    def __init__(self, wsdl: str, user_id: str, password: str) -> None:
        self.user_id = user_id
        self.service: Any = zeep.Client(wsdl).service  # type: ignore[no-untyped-call]
        answer = self.service.Authenticate(userId=user_id, password=password)
        if answer.resultCode != "Accepted":
            raise RuntimeError(answer.resultDescription)
        self.headers = {"UserIdentityHeader": answer.authToken}

    def call(self, operation: str, **members: Any) -> Any:
        """One call, as this partner."""
        return getattr(self.service, operation)(_soapheaders=self.headers, **members)


class Story:
    """Tells what happens, line by line."""

    def __init__(self) -> None:
        self.out = console()
        self.chapter_number = 0

    def chapter(self, title: str) -> None:
        """A new part of the day."""
        self.chapter_number += 1
        self.out.print()
        self.out.print(Text(f"{self.chapter_number}. {title}", style="bold"))

    def told(self, who: str, what: str, answer: str = "", *, right: bool = True) -> None:
        """One call and its answer."""
        line = Text("  ")
        line.append("✓ " if right else "✗ ", style="green" if right else "red")
        line.append(f"{who:<9}", style="cyan")
        line.append("\n".join(wrap(what.split(), self.out.width - MARGIN)).replace("\n", "\n" + " " * MARGIN))
        self.out.print(line, soft_wrap=True)
        # The answer on lines of its own, under the call, so that one is not taken for the other.
        lines = wrap(answer.partition(" request ")[0].split(), self.out.width - MARGIN - 2) if answer else []
        for number, each in enumerate(lines):
            self.out.print(Text(f"{'':{MARGIN}}{'→' if number == 0 else ' '} {each}", style="dim"), soft_wrap=True)

    def shown(self, title: str, text: str) -> None:
        """Something worth reading as it is."""
        self.out.print(Panel(Text(text), title=title, title_align="left", width=min(100, self.out.width)))


def play(wsdl: str, passwords: dict[str, str], directory: Path) -> tuple[Story, dict[str, Partner]]:
    """The day of those who speak OCHP 0.2; statements are saved in ``directory``.

    :raises RuntimeError: an answer was not what the day needs
    """
    story = Story()
    story.chapter("The companies log in; each gets a token for its calls")
    cast = {user_id: Partner(wsdl, user_id, password) for user_id, password in passwords.items()}
    for user_id in cast:
        story.told(user_id, "Authenticate", "Accepted")
    publish_lists(story, cast)
    download_lists(story, cast)
    upload_cdrs(story, cast)
    clear(story, cast)
    fetch(story, cast, directory)
    return story, cast


def expect(answer: Any, *, ok: bool = True) -> str:
    """The description of a result that went as it should."""
    result = getattr(answer, "result", answer)
    if (result.resultCode == 0) is not ok:
        raise RuntimeError(f"{result.resultCode} {result.resultDescription}")
    return str(result.resultDescription)


def publish_lists(story: Story, cast: dict[str, Partner]) -> None:
    """Everybody tells the others which cards and which charge points it has."""
    story.chapter("They publish their drivers' tokens and their charge points")
    lists = {
        "tnm": ("roamingAuthorisationInfoArray", tokens("NL-TNM", 5, 40), FIELD_CHARGE_POINT),
        "anwb": ("roamingAuthorisationInfoArray", tokens("NL-ANW", 0, 25), None),
        "ladenetz": ("roamingAuthorisationInfoArray", tokens("DE-LND", 3, 35), COLOGNE_CHARGE_POINT),
    }
    for user_id, (member, cards, point) in lists.items():
        answer = cast[user_id].call("SetRoamingAuthorisationList", **{member: cards})
        story.told(user_id, "SetRoamingAuthorisationList", expect(answer))
        if point is not None:
            answer = cast[user_id].call("SetChargePointList", chargepointInfoArray=[point])
            story.told(user_id, "SetChargePointList", expect(answer))


def download_lists(story: Story, cast: dict[str, Partner]) -> None:
    """Everybody has the lists of all."""
    story.chapter("Each company downloads all lists: now every charge point knows every token")
    for user_id in ("tnm", "anwb", "ladenetz"):
        cards = cast[user_id].call("GetRoamingAuthorisationList")
        points = cast[user_id].call("GetChargePointList")
        expect(cards)
        expect(points)
        cities = ", ".join(point.city for point in points.chargepointInfoArray)
        count = len(cards.roamingAuthorisationInfoArray)
        story.told(user_id, f"{count} tokens, {len(points.chargepointInfoArray)} charge points ({cities})")


def upload_cdrs(story: Story, cast: dict[str, Partner]) -> None:
    """Drivers charged away from home; the operators send what it came to."""
    story.chapter("Drivers charge on other networks; the operators upload the charge detail records")
    answer = cast["tnm"].call("AddCDRs", cdrInfoArray=[FIELD_CDR])
    story.told("tnm", "AddCDRs, a record as a real back end sent it in 2014: accepted, with warnings", expect(answer))
    answer = cast["tnm"].call("AddCDRs", cdrInfoArray=[FIELD_CDR])
    story.told("tnm", "AddCDRs, the same record again: harmless", expect(answer))
    good = [cologne_cdr(1, "TheNewMotion"), cologne_cdr(2, "ANWB"), cologne_cdr(3, "TheNewMotion")]
    wrong = [*good[:2], {**good[2], "volume": "3,25001"}]
    answer = cast["ladenetz"].call("AddCDRs", cdrInfoArray=wrong)
    story.told("ladenetz", "AddCDRs, with an error in the third record: rejected as a whole", right=False)
    story.shown(f"what ladenetz sees: resultCode {answer.resultCode}", expect(answer, ok=False))
    answer = cast["ladenetz"].call("AddCDRs", cdrInfoArray=good)
    story.told("ladenetz", "AddCDRs, corrected", expect(answer))
    answer = cast["ladenetz"].call("AddCDRs", cdrInfoArray=[cologne_cdr(4, "NewcomerMobility")])
    story.told("ladenetz", "AddCDRs for a provider that is not a partner yet", expect(answer))


def clear(story: Story, cast: dict[str, Partner]) -> None:
    """The office clears, and nobody else can."""
    story.chapter("The clearing office clears the pending CDRs")
    answer = cast["anwb"].call("ClearCDRs")
    story.told("anwb", "ClearCDRs", expect(answer, ok=False), right=False)
    story.told("office", "ClearCDRs", expect(cast["office"].call("ClearCDRs")))
    story.told("office", "ClearCDRs again", expect(cast["office"].call("ClearCDRs")))


def fetch(story: Story, cast: dict[str, Partner], directory: Path) -> None:
    """Everybody fetches its CDRs and its statement."""
    story.chapter(
        "Each company fetches its customers' cleared CDRs, and its statement through the link in the response"
    )
    for user_id in ("tnm", "anwb", "ladenetz"):
        answer = cast[user_id].call("GetCDRs")
        expect(answer)
        numbers = ", ".join(cdr.cdrId for cdr in answer.cdrInfoArray) or "none"
        story.told(user_id, f"GetCDRs: {numbers}")
        save_statement(answer.docLink, directory, user_id)
        story.told(user_id, f"statement saved as {directory}/statement-{user_id}.pdf and .csv")


def save_statement(link: str, directory: Path, name: str) -> None:
    """Save the statement behind a link as PDF and as CSV."""
    for form in ("pdf", "csv"):
        document = requests.get(link.removesuffix("pdf") + form, timeout=30)
        document.raise_for_status()
        (directory / f"statement-{name}.{form}").write_bytes(document.content)
