"""Workforce management systems behind the port `shiftline.connector.ports.WorkforceManagement`."""
