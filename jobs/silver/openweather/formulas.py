"""What an observation means for the sun and the wind, as Spark expressions with their sources.

A value that is not known makes an unknown result; nothing is guessed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyspark.sql import functions as F

if TYPE_CHECKING:
    from pyspark.sql import Column

KELVIN = 273.15
# Specific gas constants, J/(kg·K): of dry air and of water vapour (ICAO Doc 7488; CIPM-2007).
_DRY_AIR, _VAPOUR = 287.058, 461.495
_PASCAL = 100.0
# Of the Earth's orbit, in our century.
_ECCENTRICITY = 0.0167
# Lower limits in m/s, WMO-No. 8, Guide to Instruments, part I, table 5.1 (the Beaufort scale).
BEAUFORT = (
    (32.7, "12 hurricane"), (28.5, "11 violent storm"), (24.5, "10 storm"),
    (20.8, "09 strong gale"), (17.2, "08 gale"), (13.9, "07 near gale"),
    (10.8, "06 strong breeze"), (8.0, "05 fresh breeze"), (5.5, "04 moderate breeze"),
    (3.4, "03 gentle breeze"), (1.6, "02 light breeze"), (0.3, "01 light air"), (0.0, "00 calm"),
)  # fmt: skip
# Lower limits in °C; below the last one it freezes.
TEMPERATURES = ((30.0, "hot"), (20.0, "warm"), (10.0, "mild"), (0.0, "cold"))
FREEZING = "freezing"


def solar_elevation(epoch: Column, lat: Column, lon: Column) -> Column:
    """Degrees of the sun's centre above the horizon; refraction, at most 0.6°, is left out.

    `epoch` in seconds, `lat` and `lon` in degrees, east positive. NOAA Global Monitoring
    Laboratory, "Solar Calculation Details", after Meeus, "Astronomical Algorithms" (1991): mean
    longitude and anomaly, equation of the centre, obliquity, equation of time. Nutation, a
    hundredth of a degree, is left out; centuries are counted from noon of 2000-01-01.
    """
    century = (epoch - 946_728_000) / (36_525 * 86_400)
    mean = F.radians(280.46646 + 36_000.76983 * century)
    anomaly = F.radians(357.52911 + 35_999.05029 * century)
    centre = 1.914602 * F.sin(anomaly) + 0.019993 * F.sin(2 * anomaly)
    longitude = mean + F.radians(centre - 0.00569)
    tilt = F.radians(23.439291 - 0.0130042 * century)
    declination = F.asin(F.sin(tilt) * F.sin(longitude))
    square = F.pow(F.tan(tilt / 2), F.lit(2.0))
    equation = (
        square * F.sin(2 * mean)
        - 2 * _ECCENTRICITY * F.sin(anomaly)
        + 4 * _ECCENTRICITY * square * F.sin(anomaly) * F.cos(2 * mean)
        - 0.5 * square * square * F.sin(4 * mean)
        - 1.25 * _ECCENTRICITY**2 * F.sin(2 * anomaly)
    )
    # A day is a whole turn, so a second is a 240th of a degree.
    angle = F.radians(F.pmod(epoch, F.lit(86_400)) / 240 + lon - 180) + equation
    place = F.radians(lat)
    height = F.sin(place) * F.sin(declination) + F.cos(place) * F.cos(declination) * F.cos(angle)
    return F.degrees(F.asin(_within(height, -1.0, 1.0)))


def solar_potential(elevation: Column, cloud_cover: Column) -> Column:
    """Global irradiance on level ground, W/m², 0 to 1000; 0 while the sun is down.

    Clear sky `910 sin h - 30`, times `1 - 0.75 N^3.4` for the covered part N of the sky: Kasten &
    Czeplak, "Solar and terrestrial radiation dependent on the amount and type of cloud", Solar
    Energy 24 (1980), 177-189. A proxy: neither height, haze nor the kind of cloud counts.
    """
    clear = 910 * F.sin(F.radians(elevation)) - 30
    left = 1 - 0.75 * F.pow(cloud_cover / 100, F.lit(3.4))
    up = F.round(_within(clear * left, 0.0, 1000.0), 3)
    return F.when(elevation <= 0, F.lit(0.0)).otherwise(up)


def air_density(temp_c: Column, humidity: Column, pressure_hpa: Column) -> Column:
    """kg/m³ of humid air as a mix of two ideal gases: `p_dry / (R_d T) + p_v / (R_v T)`.

    The vapour's pressure is the relative humidity's part of saturation over water,
    `6.1094 exp(17.625 t / (t + 243.04))` hPa: Alduchov & Eskridge, "Improved Magnus form
    approximation of saturation vapor pressure", J. Appl. Meteor. 35 (1996), 601-609.
    """
    saturated = 6.1094 * F.exp(17.625 * temp_c / (temp_c + 243.04))
    vapour = humidity / 100 * saturated
    kelvin = temp_c + KELVIN
    dry = (pressure_hpa - vapour) * _PASCAL / (_DRY_AIR * kelvin)
    return F.round(dry + vapour * _PASCAL / (_VAPOUR * kelvin), 6)


def wind_power(density: Column, speed_ms: Column) -> Column:
    """W/m² that the wind carries through a plane across it: half the density times speed cubed."""
    return F.round(0.5 * density * F.pow(speed_ms, F.lit(3.0)), 4)


def step(value: Column, limits: tuple[tuple[float, str], ...], below: str = "") -> Column:
    """The name of the highest limit that the value reaches; `below` all of them, else null."""
    (first, name), *others = limits
    found = F.when(value >= first, name)
    for limit, other in others:
        found = found.when(value >= limit, other)
    return found.when(value.isNotNull(), below) if below else found


def _within(value: Column, least: float, most: float) -> Column:
    """The value or the nearer bound; null stays null, which Spark's own least and greatest lose."""
    return F.when(value < least, F.lit(least)).when(value > most, F.lit(most)).otherwise(value)
