# Writes OUT: the drop-in SOURCE for the module MODULE, as it reads when it
# lies in FOLDER.
function(caadm_drop_in source module folder out)
    file(READ ${source} text)
    string(REPLACE "# module = keystore.so" "module = ${module}" text
           "${text}")
    string(REPLACE "/etc/ssl/openssl.cnf.d" "${folder}" text "${text}")
    file(CONFIGURE OUTPUT ${out} CONTENT "${text}" @ONLY)
endfunction()
