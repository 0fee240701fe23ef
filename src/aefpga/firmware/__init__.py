"""Firmware: HLS project and C simulation, RTL and its simulation, synthesis and its reports."""
