"""The active side of the doctor, without I/O: it says what to send, and takes in what came back.

The driver's part (`doctor.run`, or the virtual laboratory): call `Examination.begin`, send what `sendings`
gives, hand each end to `answered`, call `handle_timer` when `next_timer` has come, until `is_over`.
"""

from shiftline.doctor.examination.case import Case
from shiftline.doctor.examination.examination import Examination
from shiftline.doctor.examination.sending import Answer, Sending, Way

__all__ = ["Answer", "Case", "Examination", "Sending", "Way"]
