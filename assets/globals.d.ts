// ECharts is loaded by a classic script before the modules.
declare const echarts: any;
