# Run by `cmake --install`: the drop-in goes to /etc for a system prefix,
# below the prefix otherwise, and all of it below DESTDIR. It is only read
# when a line in openssl.cnf includes it.
include(${source}/drop_in.cmake)

if(CMAKE_INSTALL_PREFIX STREQUAL "/usr" AND sysconf STREQUAL "etc")
    set(sysconf /etc)
endif()
foreach(place modules sysconf)
    cmake_path(ABSOLUTE_PATH ${place} BASE_DIRECTORY ${CMAKE_INSTALL_PREFIX})
endforeach()
caadm_drop_in(${source}/keystore.cnf ${modules}/keystore.so
    ${sysconf}/ssl/openssl.cnf.d ${generated}/keystore.cnf)
file(INSTALL DESTINATION ${sysconf}/ssl/openssl.cnf.d
    TYPE FILE FILES ${generated}/keystore.cnf)
