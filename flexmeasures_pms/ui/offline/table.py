"""The table of files that replace those of other hosts.

``tools/assets.py`` copies the files of the npm packages of ``assets/package.json`` into
``ui/static/vendor/`` by this table, and :mod:`flexmeasures_pms.ui.offline.serve` finds them
by it. It imports nothing of FlexMeasures, because it is also read when the package is built.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from flexmeasures_pms.ui.offline.icons import ICONS

NPM = "cdn.jsdelivr.net/npm"


@dataclass(frozen=True, slots=True)
class PackageFiles:
    """Files of one npm package.

    :param url: host and path of their URL, before the file's name.
    :param package: the package's folder in ``node_modules``.
    :param folder: the part of the files' path in the package that is not in the URL.
    :param files: their names after ``url``; ``a=b`` is b in the package, requested as a.
    """

    url: str
    package: str
    folder: str
    files: tuple[str, ...]

    def pairs(self) -> Iterator[tuple[str, str]]:
        """Yield each file's URL, without ``https://``, and its path in ``vendor``."""
        for name in self.files:
            asked, _, stored = name.partition("=")
            yield f"{self.url}{asked}", f"{self.package}/{self.folder}{stored or asked}"


_AWESOME = tuple(
    f"fonts/fontawesome-webfont.{end}" for end in ("eot", "svg", "ttf", "woff", "woff2")
)
_SORTS = tuple(
    f"sort_{what}.png" for what in ("asc", "asc_disabled", "both", "desc", "desc_disabled")
)
_LEAFLET = (
    "layers.png",
    "layers-2x.png",
    "marker-icon.png",
    "marker-icon-2x.png",
    "marker-shadow.png",
)

ROWS: tuple[PackageFiles, ...] = (
    PackageFiles(
        "ajax.aspnetcdn.com/ajax/jQuery/", "jquery", "dist/", ("jquery-3.5.1.min.js=jquery.min.js",)
    ),
    PackageFiles("cdn.datatables.net/2.0.8/js/", "datatables.net", "js/", ("dataTables.min.js",)),
    PackageFiles(
        "cdn.datatables.net/2.0.8/js/",
        "datatables.net-bs5",
        "js/",
        ("dataTables.bootstrap5.min.js",),
    ),
    PackageFiles(
        "cdn.datatables.net/buttons/3.0.2/css/",
        "datatables.net-buttons-bs5",
        "css/",
        ("buttons.bootstrap5.min.css",),
    ),
    PackageFiles(
        "cdn.datatables.net/1.10.22/js/", "datatables.net-1", "js/", ("jquery.dataTables.min.js",)
    ),
    PackageFiles(
        "cdn.datatables.net/1.10.22/",
        "datatables.net-dt-1",
        "",
        ("css/jquery.dataTables.min.css", *(f"images/{name}" for name in _SORTS)),
    ),
    PackageFiles("cdn.datatables.net/1.10.0/images/", "datatables.net-dt-1", "images/", _SORTS),
    PackageFiles(
        "cdn.datatables.net/plug-ins/1.10.22/",
        "datatables.net-plugins",
        "",
        ("features/conditionalPaging/dataTables.conditionalPaging.js",),
    ),
    PackageFiles(
        f"{NPM}/@json-editor/json-editor@2.15.2/dist/",
        "@json-editor/json-editor",
        "dist/",
        ("jsoneditor.min.js=jsoneditor.js",),
    ),
    PackageFiles(
        f"{NPM}/bootstrap-icons@1.10.5/font/",
        "bootstrap-icons",
        "font/",
        ("bootstrap-icons.css", "fonts/bootstrap-icons.woff", "fonts/bootstrap-icons.woff2"),
    ),
    PackageFiles(
        f"{NPM}/bootstrap@5.3.3/dist/",
        "bootstrap",
        "dist/",
        ("css/bootstrap.min.css", "js/bootstrap.bundle.min.js"),
    ),
    PackageFiles(f"{NPM}/currency-symbol-map@5.1.0/", "currency-symbol-map", "", ("map.js",)),
    PackageFiles(f"{NPM}/echarts@5.6.0/dist/", "echarts", "dist/", ("echarts.min.js",)),
    PackageFiles(f"{NPM}/echarts@5/dist/", "echarts", "dist/", ("echarts.min.js",)),
    PackageFiles(
        f"{NPM}/ion-rangeslider@2.3.1/",
        "ion-rangeslider",
        "",
        ("css/ion.rangeSlider.css", "js/ion.rangeSlider.min.js"),
    ),
    PackageFiles(
        f"{NPM}/leaflet@1.7.1/dist/",
        "leaflet-1.7",
        "dist/",
        ("leaflet.css", "leaflet-src.min.js=leaflet.js", *(f"images/{name}" for name in _LEAFLET)),
    ),
    PackageFiles(
        f"{NPM}/leaflet@1.9.4/dist/", "leaflet", "dist/", ("leaflet-src.min.js=leaflet.js",)
    ),
    PackageFiles(
        f"{NPM}/litepicker/dist/",
        "litepicker",
        "dist/",
        ("litepicker.js", "plugins/ranges.js", "plugins/keyboardnav.js"),
    ),
    # These are requested without a file name: the CDN chooses the file.
    PackageFiles(f"{NPM}/", "vega", "build/", ("vega@5.22.1=vega.min.js",)),
    PackageFiles(f"{NPM}/", "vega-lite", "build/", ("vega-lite@5.5.0=vega-lite.min.js",)),
    PackageFiles(f"{NPM}/", "vega-embed", "build/", ("vega-embed@6.21.0=vega-embed.min.js",)),
    PackageFiles(
        "cdnjs.cloudflare.com/ajax/libs/floatthead/2.2.1/",
        "floatthead",
        "dist/",
        ("jquery.floatThead.min.js",),
    ),
    PackageFiles(
        "cdnjs.cloudflare.com/ajax/libs/font-awesome/4.7.0/",
        "font-awesome",
        "",
        ("css/font-awesome.min.css", *_AWESOME),
    ),
    PackageFiles(
        "cdnjs.cloudflare.com/ajax/libs/jstimezonedetect/1.0.7/",
        "jstimezonedetect",
        "dist/",
        ("jstz.js",),
    ),
    PackageFiles("d3js.org/", "d3", "dist/", ("d3.v6.min.js=d3.min.js",)),
    PackageFiles(
        "fonts.gstatic.com/s/poppins/v20/",
        "@fontsource/poppins",
        "files/poppins-",
        (
            "pxiEyp8kv8JHgFVrJJbecmNE.woff2=devanagari-400-normal.woff2",
            "pxiEyp8kv8JHgFVrJJnecmNE.woff2=latin-ext-400-normal.woff2",
            "pxiEyp8kv8JHgFVrJJfecg.woff2=latin-400-normal.woff2",
        ),
    ),
    # FlexMeasures loads only one weight; css/flexmeasures.css loads the others from here.
    PackageFiles(
        f"{NPM}/@fontsource/poppins/files/",
        "@fontsource/poppins",
        "files/",
        tuple(
            f"poppins-{letters}-{weight}-normal.woff2"
            for weight in (500, 600, 700)
            for letters in ("latin", "latin-ext")
        ),
    ),
    PackageFiles(
        "unpkg.com/leaflet.markercluster@1.4.1/dist/",
        "leaflet.markercluster-1.4",
        "dist/",
        ("MarkerCluster.css", "MarkerCluster.Default.css"),
    ),
    PackageFiles(
        "unpkg.com/leaflet.markercluster@1.5.3/dist/",
        "leaflet.markercluster",
        "dist/",
        ("leaflet.markercluster.js",),
    ),
    PackageFiles(
        "unpkg.com/leaflet.markercluster.layersupport@2.0.1/dist/",
        "leaflet.markercluster.layersupport",
        "dist/",
        ("leaflet.markercluster.layersupport.js",),
    ),
)

# FlexMeasures' logos are on no registry: its name in letters replaces them.
LOGOS: Mapping[str, str] = {
    f"artwork.lfenergy.org/projects/flexmeasures/{shape}/white/flexmeasures-{shape}-white.svg": (
        f"../icons/flexmeasures-{shape}.svg"
    )
    for shape in ("horizontal", "icon")
}

FILES: Mapping[str, str] = {
    **{url: path for row in ROWS for url, path in row.pairs()},
    **{icon.url: icon.path for icon in ICONS},
    **LOGOS,
}
"""Each URL, without ``https://``, and its file below ``ui/static/vendor``."""

OWN: tuple[PackageFiles, ...] = (PackageFiles("", "idiomorph", "dist/", ("idiomorph.min.js",)),)
"""What our own scripts need from npm: served from here, with or without ``PMS_OFFLINE_ASSETS``."""

HOSTS: tuple[str, ...] = tuple(sorted({url.partition("/")[0] for url in FILES}))
PACKAGES: tuple[str, ...] = tuple(
    sorted({row.package for row in (*ROWS, *OWN)} | {icon.package for icon in ICONS})
)
