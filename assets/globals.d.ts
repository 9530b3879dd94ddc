// Classic scripts, loaded before the modules.
declare const echarts: any;
declare var Idiomorph: typeof import("idiomorph").Idiomorph | undefined;
