// @ts-check
// The rack follows new readings.

import { patch } from "./lib/patch.js";
import { poll } from "./lib/poll.js";

const part = document.getElementById("rack-live");
const address = new URL(location.href);
address.searchParams.set("live", "1");
if (part) poll(address.pathname + address.search, (data) => patch(part, data.html));
