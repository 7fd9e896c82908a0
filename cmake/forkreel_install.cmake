# filled by the install helper
