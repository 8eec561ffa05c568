"""Small files of every curve format, written from scratch with known content."""

import io
import struct
import zipfile

import numpy as np

ANGLES = 20.0 + 0.5 * np.arange(24)
COUNTS = np.round(100 + 400 * np.exp(-(((ANGLES - 26) / 1.5) ** 2)))


def words(values, form="{:.10g}", by=" "):
    return by.join(form.format(v) for v in values)


def xrdml(scans=(COUNTS,), *, extra="", data="intensities", time="2.5", optics="", positions=None):
    ends = f"<startPosition>{ANGLES[0]}</startPosition><endPosition>{ANGLES[-1]}</endPosition>"
    if positions is not None:
        ends = f"<listPositions>{words(positions)}</listPositions>"
    body = "".join(
        f"""<scan appendNumber="{k}" mode="Continuous" scanAxis="Gonio" status="Completed">
        <header><startTimeStamp>2021-03-16T13:10:14+03:00</startTimeStamp>
        <author><name>Jane Doe</name></author></header>
        <dataPoints><positions axis="2Theta" unit="deg">{ends}</positions>
        <positions axis="Omega" unit="deg"><commonPosition>1</commonPosition></positions>
        <commonCountingTime unit="seconds">{time}</commonCountingTime>{extra}
        <{data} unit="counts">{words(values)}</{data}></dataPoints></scan>"""
        for k, values in enumerate(scans)
    )
    return f"""<?xml version="1.0" encoding="UTF-8"?>
    <xrdMeasurements xmlns="http://www.xrdml.com/XRDMeasurement/1.5" status="Completed">
    <sample type="To be analyzed"><id>S1</id><name>corundum</name>
    <preparedBy>Jane Doe</preparedBy></sample>
    <xrdMeasurement measurementType="Scan"><usedWavelength intended="K-Alpha 1">
    <kAlpha1 unit="Angstrom">1.5405980</kAlpha1><kAlpha2 unit="Angstrom">1.5444260</kAlpha2>
    <ratioKAlpha2KAlpha1>0.5000</ratioKAlpha2KAlpha1></usedWavelength>
    <incidentBeamPath><radius unit="mm">240.00</radius><xRayTube name="Cu LFF">
    <tension unit="kV">45</tension><current unit="mA">40</current>
    <anodeMaterial>Cu</anodeMaterial></xRayTube>{optics}</incidentBeamPath>
    <diffractedBeamPath><radius unit="mm">240.00</radius></diffractedBeamPath>
    {body}</xrdMeasurement></xrdMeasurements>""".encode()


def ras_scan(*, values=COUNTS, angles=ANGLES, unit="counts", factor=None, **keys):
    stated = {
        "FILE_SAMPLE": "zincite",
        "FILE_OPERATOR": "Jane Doe",
        "HW_XG_TARGET_NAME": "Cu",
        "HW_XG_WAVE_LENGTH_ALPHA1": "1.540593",
        "HW_XG_WAVE_LENGTH_ALPHA2": "1.544414",
        "MEAS_COND_XG_VOLTAGE": "40",
        "MEAS_COND_XG_CURRENT": "30",
        "MEAS_SCAN_AXIS_X": "TwoThetaTheta",
        "MEAS_SCAN_STEP": "0.5",
        "MEAS_SCAN_SPEED": "15.0",
        "MEAS_SCAN_SPEED_UNIT": "deg/min",
        "MEAS_SCAN_START_TIME": "01/15/2025 10:30:00",
        "MEAS_SCAN_UNIT_X": "deg",
        "MEAS_SCAN_UNIT_Y": unit,
        **keys,
    }
    factors = np.ones(len(values)) if factor is None else factor
    rows = [f"{a:.4f} {v:.4f} {f:.4f}" for a, v, f in zip(angles, values, factors, strict=True)]
    head = [f'*{key} "{value}"' for key, value in stated.items()]
    return ["*RAS_HEADER_START", *head, "*RAS_HEADER_END", "*RAS_INT_START", *rows, "*RAS_INT_END"]


def ras(*scans):
    return "\r\n".join(
        ["*RAS_DATA_START", *(line for scan in scans for line in scan), "*RAS_DATA_END", ""]
    ).encode("latin-1")


def zipped(members):
    image = io.BytesIO()
    with zipfile.ZipFile(image, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return image.getvalue()


def conditions(*, points=ANGLES.size, unit="counts", axis="TwoThetaTheta", wave="Ka"):
    return f"""<?xml version="1.0" encoding="utf-8"?><MeasurementConditions>
    <GeneralInformation><Operator>Jane Doe</Operator><SampleName>zincite</SampleName>
    </GeneralInformation><HWConfigurations><Distances>
    <Distance To="AttachmentStage" From="XrayGenerator" Unit="mm" Value="300" /></Distances>
    <XrayGenerator><TargetName>Cu</TargetName><WaveType>{wave}</WaveType><Current>30</Current>
    <Voltage>40</Voltage><WavelengthKalpha1>1.540593</WavelengthKalpha1>
    <WavelengthKalpha2>1.544414</WavelengthKalpha2></XrayGenerator></HWConfigurations>
    <ScanInformation><AxisName>{axis}</AxisName><Step>0.5</Step><Speed>15.0</Speed>
    <SpeedUnit>deg/min</SpeedUnit><PositionUnit>deg</PositionUnit>
    <IntensityUnit>{unit}</IntensityUnit><StartTime>2024-02-19T09:05:47Z</StartTime>
    <DataCount>{points}</DataCount></ScanInformation></MeasurementConditions>"""


def rasx(scans=1, values=COUNTS, **stated):
    rows = "\r\n".join(f"{a:.4f}\t{v:.6g}\t1" for a, v in zip(ANGLES, values, strict=True))
    members = {"root.xml": "<Root />"}
    for k in range(scans):
        members[f"Data{k}/Profile0.txt"] = "\ufeff" + rows + "\r\n"
        members[f"Data{k}/MesurementConditions0.xml"] = conditions(**stated)
    return zipped(members)


def brml_range(values=COUNTS, *, factor=None, described=True, optic="Slit", axis="TwoTheta"):
    factors = np.ones(len(values)) if factor is None else factor
    datum = "".join(
        f"<Datum>2,{f:g},{a:g},{a / 2:g},{v * f:.10g}</Datum>"
        for a, v, f in zip(ANGLES, values, factors, strict=True)
    )
    views = f"""<DataViews><RawDataView Start="0" Length="1" LogicName="MeasuredTime" />
    <RawDataView Start="1" Length="1" LogicName="AbsorptionFactor" />
    <RawDataView Start="2" Length="2"><Varying><FieldDefinitions AxisId="{axis}" />
    <FieldDefinitions AxisId="Theta" /></Varying></RawDataView>
    <RawDataView Start="4" Length="1"><Recording LogicName="ScanCounter1">
    <Unit Prefix="None" Base="Counts" /></Recording></RawDataView></DataViews>"""
    return f"""<?xml version="1.0"?><RawData><TimeStampStarted>2023-01-26T15:23:09+01:00
    </TimeStampStarted><DataRoutes><DataRoute RouteFlag="Measured"><ScanInformation>
    <MeasurementPoints>{len(values)}</MeasurementPoints><TimePerStep>2</TimePerStep><ScanAxes>
    <ScanAxisInfo AxisId="{axis}" AxisName="{axis}" /><ScanAxisInfo AxisId="Theta" />
    </ScanAxes></ScanInformation>{datum}{views if described else ""}</DataRoute></DataRoutes>
    <FixedInformation><Instrument><PrimaryTracks><InfoData LogicName="{optic}" /></PrimaryTracks>
    <SecondaryTracks><Radius Unit="mm" Value="280" /></SecondaryTracks>
    <Tube><WaveLengthAlpha1 Unit="A" Value="1.5406" /><WaveLengthAlpha2 Unit="A" Value="1.54439" />
    <WaveLengthRatio Unit="" Value="0.5" /><TubeMaterial>Cu</TubeMaterial>
    <Voltage Unit="kV" Value="40" /><Current Unit="mA" Value="25" /></Tube></Instrument>
    <InfoItem Name="User" Value="Jane Doe" /><InfoItem Name="SampleName" Value="mix 3" />
    </FixedInformation></RawData>"""


def brml(*ranges):
    return zipped({f"Experiment0/RawData{k}.xml": r for k, r in enumerate(ranges)})


def put(image, at, form, *values):
    struct.pack_into("<" + form, image, at, *values)


def raw1(values=COUNTS, *, ranges=1, repeat_magic=True):
    out = b""
    for k in range(ranges):
        head = bytearray(156)
        head[:4] = b"RAW "
        put(head, 4, "I", len(values))
        put(head, 8, "fff", 2.0, 0.5, 0.0)
        put(head, 24, "f", 20.0)
        head[40:46] = b"quartz"
        put(head, 72, "ff", 1.54056, 1.54439)
        put(head, 152, "I", int(k + 1 < ranges))
        body = bytes(head) + np.asarray(values, "<f4").tobytes()
        out += body if repeat_magic or k == 0 else body[4:]
    return out


def raw2(values=COUNTS, *, ranges=1):
    head = bytearray(256)
    head[:4] = b"RAW2"
    put(head, 4, "H", ranges)
    head[188:190] = b"Cu"
    put(head, 190, "fff", 1.54056, 1.54439, 0.5)
    part = bytearray(48)
    put(part, 0, "HH", 48, len(values))
    put(part, 8, "fff", 2.0, 0.5, 20.0)
    put(part, 46, "H", 295)
    return bytes(head) + ranges * (bytes(part) + np.asarray(values, "<f4").tobytes())


def raw3(values=COUNTS, *, ranges=1, kind=0, measured=False):
    head = bytearray(712)
    head[:7] = b"RAW1.01"
    put(head, 12, "I", ranges)
    head[16:24], head[26:34] = b"01/26/23", b"15:23:09"
    head[36:44], head[326:331] = b"Jane Doe", b"mix 3"
    put(head, 564, "f", 217.5)
    head[608:610] = b"Cu"
    put(head, 616, "dddddd"[:5], 1.5418, 1.5406, 1.54439, 1.39222, 0.5)
    part = bytearray(304)
    put(part, 0, "II", 304, len(values))
    put(part, 8, "dd", 10.0, 20.0)
    put(part, 176, "d", 0.5)
    put(part, 192, "fI", 2.0, kind)
    put(part, 224, "II", 40, 30)
    put(part, 248, "III", int(measured), 12 if measured else 4, 40)
    if measured:
        rows = np.zeros(len(values), dtype=[("i", "<f4"), ("x", "<f8")])
        rows["i"], rows["x"] = values, ANGLES + 0.001
    else:
        rows = np.asarray(values, "<f4")
    return bytes(head) + ranges * (bytes(part) + bytes(40) + rows.tobytes())


def segment(kind, payload):
    return struct.pack("<II", kind, len(payload) + 8) + payload


def drive(name, flag, position):
    payload = bytearray(84)
    put(payload, 0, "I", flag)
    payload[4 : 4 + len(name)] = name.encode()
    put(payload, 48, "d", position)
    return segment(50, bytes(payload))


def raw4(values=COUNTS, *, ranges=1, moved="2Theta", size=8):
    head = bytearray(61)
    head[:7] = b"RAW4.00"
    head[12:22], head[24:32] = b"01/26/2023", b"15:23:09"
    sample = bytearray(4 + 24 + 10)
    sample[4:12], sample[28:33] = b"SAMPLEID", b"mix 3"
    user = bytearray(4 + 24 + 10)
    user[4:8], user[28:36] = b"USER", b"Jane Doe"
    tube = bytearray(112)
    put(tube, 64, "ddddd", 1.5418, 1.5406, 1.54439, 1.39222, 0.5)
    tube[108:110] = b"Cu"
    drives = b"".join(
        drive(name, int(name == moved), at) for name, at in (("Theta", 10.0), ("2Theta", 20.0))
    )
    start = 20.0 if moved == "2Theta" else 10.0
    part = bytearray(160)
    part[32:46] = b"Locked Coupled"
    put(part, 72, "dd", start, 0.5)
    put(part, 88, "If", len(values), 2000.0)
    put(part, 100, "ff", 40.0, 25.0)
    put(part, 136, "II", size, len(drives))
    rows = np.zeros((len(values), size // 4), "<f4")
    rows[:, 0] = values
    block = bytes(part) + drives + rows.tobytes()
    chain = segment(10, bytes(sample)) + segment(10, bytes(user)) + segment(30, bytes(tube))
    return bytes(head) + chain + ranges * block


def uxd(values=COUNTS, *, marker="_2THETACOUNTS", drive="COUPLED", ranges=1, time=2.0):
    lines = ["; Jane Doe", "_FILEVERSION=1", "_SAMPLE='mix 3'", "_USER='Jane Doe'", "_ANODE='Cu'"]
    lines += ["_WL1=1.540600", "_WL2=1.544390", "_WLRATIO=0.5", "_KV=40", "_MA=30"]
    lines += ["_GONIOMETER_RADIUS=217.5"]
    for _ in range(ranges):
        lines += [f"_DRIVE='{drive}'", f"_STEPTIME={time}", "_STEPSIZE=0.5", "_START=20.0", marker]
        if marker.startswith("_2THETA"):
            lines += [f"  {a:.4f}   {v:.6g}" for a, v in zip(ANGLES, values, strict=True)]
        else:
            lines += [words(values[k : k + 8]) for k in range(0, len(values), 8)]
    return "\r\n".join([*lines, ""]).encode("latin-1")


def chi(axis="2-Theta Angle (Degrees)", count=ANGLES.size):
    rows = [f" {a:.7E}  {v:.7E}" for a, v in zip(ANGLES, COUNTS, strict=True)]
    return "\n".join(["frame.tif: Linear scan", axis, "Intensity", f"  {count}", *rows]).encode()


def cansas(*, q_unit="1/A", error="0.1", head="", names=("one",)):
    rows = "".join(
        f'<Idata><Q unit="{q_unit}">{q:.6g}</Q><I unit="1/cm">{3 / q:.6g}</I>'
        f'<Idev unit="1/cm">{error}</Idev></Idata>'
        for q in np.linspace(0.01, 0.5, 20)
    )
    entries = "".join(
        f"<SASentry name='{n}'><Title>{n}</Title><SASdata>{rows}</SASdata>"
        "<SASsample><ID>silica</ID></SASsample></SASentry>"
        for n in names
    )
    return f'<?xml version="1.0"?>{head}<SASroot version="1.1" xmlns="urn:cansas1d:1.1">{entries}' \
        "</SASroot>"  # fmt: skip


def gsas_std(values=COUNTS, *, detectors=None):
    cells = [
        f"{'' if detectors is None else detectors:>2}{v:6.0f}"
        for v in [*values, *([0] * (-len(values) % 10))]
    ]
    records = ["".join(cells[k : k + 10]) for k in range(0, len(cells), 10)]
    bank = f"BANK 1 {len(values):5d} {len(records):4d} CONST 2000 50 0 0 STD"
    return "\r\n".join(["title", bank.ljust(80), *records, ""]).encode()


def gsas_esd(values=COUNTS):
    cells = [f"{v:8.1f}{np.sqrt(v):8.2f}" for v in values]
    records = ["".join(cells[k : k + 5]) for k in range(0, len(cells), 5)]
    bank = f"BANK 1 {len(values)} {len(records)} CONST 2000.0 50.0 0 0 ESD"
    return "\n".join(["title", bank, *records, ""]).encode()


PDCIF_HEAD = """data_mixture
_diffrn_ambient_temperature 295(2)
_diffrn_radiation_type 'Cu K\\a'
_pd_meas_info_author_name 'Jane Doe'
_pd_phase_name corundum
loop_
_diffrn_radiation_wavelength
_diffrn_radiation_wavelength_wt
1.540600 1.0
1.544390 0.5
"""


def pdcif_loop(names, columns):
    rows = [" ".join(row) for row in zip(*columns, strict=True)]
    return "\n".join([PDCIF_HEAD, "loop_", *names, *rows, ""]).encode()
